/** Files of a service with four trivial stages; `label` sends its jobs to a runner of their own. */
export function trivialFiles(slug: string, environment: string, label?: string): Record<string, string> {
  const labels = label === undefined ? '' : `labels: [${label}], `;
  const job = (image: string) => `{ ${labels}image: "${image}", steps: [{ run: "true" }] }`;
  return {
    'sluice.yaml': `service: ${slug}
commit: { jobs: { verify: ${job('REGISTRY/base/busybox:1')} } }
build: { image: { ${labels}repository: "REGISTRY/bench/${slug}" } }
test: { jobs: { check: ${job('built')} } }
release: [{ environment: ${environment} }]
`,
    Dockerfile: `FROM REGISTRY/base/busybox:1
ARG SLUICE_COMMIT=none
COPY www /www
STOPSIGNAL SIGKILL
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
`,
    'www/healthz': 'ok\n',
  };
}
