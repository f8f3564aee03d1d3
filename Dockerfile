# The operator and the command line, and a base for applications that use the library.
#
# For the same image again, pin both bases by digest, and Debian's tini, which is the newest else:
#   docker build --build-arg NODE_IMAGE=docker.io/library/node@sha256:... \
#                --build-arg BASE_IMAGE=gcr.io/distroless/cc-debian12@sha256:... \
#                --build-arg TINI_VERSION=0.19.0-1+b3 .
# All else is in package-lock.json.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS application
ARG TINI_VERSION=
RUN apt-get update && apt-get install --yes --no-install-recommends "tini${TINI_VERSION:+=$TINI_VERSION}"
WORKDIR /app/node_modules/leasehold
COPY package.json package-lock.json .npmrc ./
# Without what only people and compilers read, licences excepted.
RUN npm ci --omit=dev \
 && npm sbom --package-lock-only --omit=dev --sbom-format=cyclonedx > /app/sbom.cyclonedx.json \
 && find node_modules -type f '(' -name '*.map' -o -name '*.md' ! -iname 'licen*' -o -name '*.[cm]ts' -o -name '*.ts' ')' -delete \
 && rm .npmrc package-lock.json
COPY --from=build /source/dist dist
COPY LICENSE ./
RUN mkdir /app/node_modules/.bin \
 && ln -s ../leasehold/dist/cli/main.js /app/node_modules/.bin/leasehold \
 && ln -s ../leasehold/dist/cli/main.js /app/node_modules/.bin/kubectl-leasehold

FROM ${BASE_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="leasehold" \
      org.opencontainers.image.description="Distributed locks and leader election on Kubernetes Leases" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=application /usr/local/bin/node /usr/local/bin/node
# Process 1: Node does not reap orphans. And env, as that is what scripts of npm begin with.
COPY --from=application /usr/bin/tini-static /usr/local/bin/tini
COPY --from=application /usr/bin/env /usr/bin/env
COPY --from=application /app /app
ENV NODE_ENV=production \
    PATH=/app/node_modules/.bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
# A number, so that the kubelet can see that it is not root.
USER 65532:65532
ENTRYPOINT ["tini", "--", "leasehold"]
CMD ["--help"]
