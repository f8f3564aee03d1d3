# In the place of distroless, where no registry can be reached: the same Debian packages without a
# package manager.
ARG BUILD
FROM ${BUILD} AS packages
RUN apt-get update \
 && cd /tmp \
 && apt-get download base-files ca-certificates gcc-12-base libc6 libgcc-s1 libstdc++6 netbase tzdata \
 && for package in *.deb; do dpkg --extract "$package" /root-of-image; done \
 && rm -rf /root-of-image/usr/share/doc \
 && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
 && printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' > /root-of-image/etc/passwd \
 && printf 'root:x:0:\nnonroot:x:65532:\n' > /root-of-image/etc/group

FROM scratch
COPY --from=packages /root-of-image /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
