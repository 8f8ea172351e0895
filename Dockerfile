FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY migrations ./migrations
COPY src ./src
# The modes of the checkout came along; one made under `umask 077` would be closed to the user `node`.
RUN chmod -R u=rwX,go=rX package.json package-lock.json migrations src
USER node
EXPOSE 3000
# A shell's own connection: a Node for every check would take more CPU than the service at rest. Patient, because a busy
# machine is slow to start it, and a container that is killed for that is no quicker.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-3000} && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# As `npm start` does it; docs/decisions.md says what the options save.
# Node itself, not npm and not a shell: SIGTERM has to arrive.
CMD ["node", "--max-semi-space-size=16", "--single-threaded-gc", "--no-memory-reducer", "--heap-growing-percent=100", "src/server.ts"]
