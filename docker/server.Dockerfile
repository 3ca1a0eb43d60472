# The control plane. Without DATABASE_URL it keeps everything in its volume, in a PostgreSQL of its own. From the root of the repository:
#   docker build -f docker/server.Dockerfile -t sluice/server:0.1.0 .
ARG BASE_IMAGE=node:24-bookworm-slim
ARG BUILD_IMAGE=node:24-bookworm

# Built from the sources; with SOURCES=docker/dist/server, what docker/prepare-context.mjs has collected on this machine is taken as it is.
FROM ${BUILD_IMAGE} AS programs
ARG SOURCES=.
WORKDIR /src
COPY ${SOURCES} ${SOURCES}
RUN [ "$SOURCES" != . ] || npm run build
RUN [ "$SOURCES" != . ] || node docker/prepare-context.mjs server

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Sluice server" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Repositories are read with git. A base image that has it needs no network here.
RUN command -v git >/dev/null && command -v ssh >/dev/null \
 || (apt-get update && apt-get install -y --no-install-recommends git openssh-client ca-certificates && rm -rf /var/lib/apt/lists/*)
RUN echo 'sluice:x:10001:10001:Sluice:/var/lib/sluice:/bin/false' >> /etc/passwd \
 && echo 'sluice:x:10001:' >> /etc/group \
 && mkdir -p /var/lib/sluice && chown 10001:10001 /var/lib/sluice && chmod 700 /var/lib/sluice

# Owned by root: the server cannot change its own program.
COPY --from=programs /src/docker/dist/server/ /srv/sluice/

WORKDIR /srv/sluice
USER 10001:10001
# As libs/memory/src/allocator-settings.ts: what a large log took is given back.
ENV MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_ARENA_MAX=2
ENV NODE_ENV=production \
    HOME=/var/lib/sluice \
    HOST=0.0.0.0 \
    PORT=4000 \
    SLUICE_DATA=/var/lib/sluice \
    SLUICE_RUNNER=off
VOLUME /var/lib/sluice
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/server/dist/main.js"]
