# The notification service:
#   docker build -t signalbox .
#   docker run --rm -v signalbox:/data signalbox token create --admin --name operator --database sqlite:signalbox.sqlite
#   docker run -v signalbox:/data -p 127.0.0.1:8080:8080 signalbox serve --host 0.0.0.0 --insecure-plaintext
FROM node:20-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev && npm install --no-save --omit=dev \
  hono@4.13.19 @hono/node-server@2.1.9 undici@7.30.2 jose@6.2.18 \
  better-sqlite3@12.11.1 pg@8.23.1 mysql2@3.24.6 reflect-metadata@0.2.2 typeorm@1.1.1 xstate@5.33.3

FROM node:20-slim
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN mkdir /data && chown node /data
USER node
WORKDIR /data
EXPOSE 8080
HEALTHCHECK CMD ["node", "-e", "fetch('http://127.0.0.1:8080/livez').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["serve"]
