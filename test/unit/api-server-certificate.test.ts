import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createServingCertificate } from '../../src/testing/api-server/certificates.ts';

describe('the certificate', () => {
  it('is for localhost, by an authority of its own', () => {
    const { ca, certificate } = createServingCertificate(Date.now());
    const server = new X509Certificate(certificate);
    const authority = new X509Certificate(ca);
    expect(server.checkIssued(authority)).toBe(true);
    expect(server.verify(authority.publicKey)).toBe(true);
    expect(authority.ca).toBe(true);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkIP('::1')).toBe('::1');
  });

  it('is valid after 2049, too', () => {
    const { ca } = createServingCertificate(Date.UTC(2060, 5, 1));
    expect(new Date(new X509Certificate(ca).validTo).getUTCFullYear()).toBe(2061);
  });
});
