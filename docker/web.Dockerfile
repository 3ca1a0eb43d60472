# The pages, and the way to the servers behind them. From the root of the repository:
#   docker build -f docker/web.Dockerfile -t sluice/web:0.1.0 .
ARG BASE_IMAGE=nginx:1.28.0-bookworm
ARG BUILD_IMAGE=node:24-bookworm

# Built from the sources; with SOURCES=docker/dist/web, what docker/prepare-context.mjs has collected on this machine is taken as it is.
FROM ${BUILD_IMAGE} AS programs
ARG SOURCES=.
WORKDIR /src
COPY ${SOURCES} ${SOURCES}
RUN [ "$SOURCES" != . ] || npm run build
RUN [ "$SOURCES" != . ] || node docker/prepare-context.mjs web

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Sluice web" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY docker/proxy/nginx.conf /etc/nginx/nginx.conf
COPY docker/proxy/headers.conf docker/proxy/listen.conf docker/proxy/servers.conf docker/proxy/to-servers.conf /etc/nginx/sluice/
COPY --from=programs /src/docker/dist/web/apps/web/dist/ /srv/sluice/

# Any number that is not root: everything it writes lies in /tmp.
USER 10001:10001
EXPOSE 8080
# Lets open requests end.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/"]
ENTRYPOINT []
CMD ["nginx", "-e", "/dev/stderr", "-g", "daemon off;"]
