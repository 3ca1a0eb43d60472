# A runner. It needs a container engine: mount its socket, or set DOCKER_HOST. From the root of the repository:
#   docker build -f docker/runner.Dockerfile -t sluice/runner:0.1.0 .
ARG BASE_IMAGE=node:24-bookworm-slim
ARG BUILD_IMAGE=node:24-bookworm

# Built from the sources; with SOURCES=docker/dist/runner, what docker/prepare-context.mjs has collected on this machine is taken as it is.
FROM ${BUILD_IMAGE} AS programs
ARG SOURCES=.
WORKDIR /src
COPY ${SOURCES} ${SOURCES}
RUN [ "$SOURCES" != . ] || npm run build
RUN [ "$SOURCES" != . ] || node docker/prepare-context.mjs runner

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Sluice runner" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Repositories are read with git. A base image that has it needs no network here.
RUN command -v git >/dev/null && command -v ssh >/dev/null \
 || (apt-get update && apt-get install -y --no-install-recommends git openssh-client ca-certificates && rm -rf /var/lib/apt/lists/*)
RUN echo 'sluice:x:10001:10001:Sluice:/var/lib/sluice-runner:/bin/false' >> /etc/passwd \
 && echo 'sluice:x:10001:' >> /etc/group \
 && mkdir -p /var/lib/sluice-runner && chown 10001:10001 /var/lib/sluice-runner && chmod 700 /var/lib/sluice-runner

# Owned by root: the runner cannot change its own program.
COPY --from=programs /src/docker/dist/runner/ /srv/sluice/

WORKDIR /srv/sluice
USER 10001:10001
# As libs/memory/src/allocator-settings.ts: what a large log took is given back.
ENV MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_ARENA_MAX=2
ENV NODE_ENV=production \
    HOME=/var/lib/sluice-runner \
    SLUICE_RUNNER_DIR=/var/lib/sluice-runner
VOLUME /var/lib/sluice-runner
STOPSIGNAL SIGTERM
# A runner listens to nobody; healthy = it reaches the control plane that it polls.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(new URL('/healthz', process.env.SLUICE_URL)).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/runner/dist/main.js"]
