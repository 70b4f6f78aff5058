# Gateway, worker and command line: one image, the command chooses. PostgreSQL and PostgREST run apart (docker-compose.yml).
FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
# the embedded servers and the npm package that carries Node are for machines without containers
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY sql sql
COPY connectors connectors
COPY src src
# a new volume takes its owner from here
RUN mkdir /var/lib/trunkline && chown node:node /var/lib/trunkline
USER node
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
ENTRYPOINT ["node", "src/main.ts"]
CMD ["gateway"]
