FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
# Not `npm ci`: the lockfile does not list every platform's optional packages.
RUN npm install --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY migrations ./migrations
COPY src ./src
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# As `npm start` does it; docs/performance.md says what the options save.
# Node itself, not npm and not a shell: SIGTERM has to arrive.
CMD ["node", "--max-semi-space-size=4", "--single-threaded-gc", "--heap-growing-percent=100", "src/server.ts"]
