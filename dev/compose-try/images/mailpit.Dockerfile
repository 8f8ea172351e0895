FROM node:24-slim
COPY mailpit.mjs /mailpit.mjs
CMD ["node", "/mailpit.mjs"]
