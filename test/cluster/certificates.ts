import './reflect.ts';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key, both as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

// ECDSA: a P-256 key takes a millisecond, an RSA one up to half a second.
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const lifetimeMilliseconds = 365 * 24 * 3600 * 1000;
// A client whose clock is a little behind must not find the certificate "not yet valid".
const backdateMilliseconds = 3600 * 1000;

export const LOOPBACK_NAMES = ['localhost', '127.0.0.1'] as const;

/** One authority signs the serving certificate and the client certificates of a cluster. */
export async function createAuthority(): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=leasehold-test',
    ...validity(),
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** @param names - DNS names and addresses of the server; default: those of the loopback interface */
export async function createServingCertificate(
  authority: KeyPair,
  names: readonly [string, ...string[]] = LOOPBACK_NAMES,
): Promise<KeyPair> {
  return issue(
    authority,
    [{ CN: [names[0]] }],
    [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  );
}

/** The API server reads the user from the common name and the groups from the organizations. */
export async function createClientCertificate(
  authority: KeyPair,
  user: string,
  groups: readonly string[],
): Promise<KeyPair> {
  const subject = [...groups.map((group) => ({ O: [group] })), { CN: [user] }];
  return issue(authority, subject, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
}

/** A private key to sign service-account tokens with: RSA, as on nearly every real cluster. */
export async function createTokenKey(): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  );
  return exportKey(keys.privateKey);
}

async function issue(
  authority: KeyPair,
  subject: Record<string, string[]>[],
  extensions: Extension[],
): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: new X509Certificate(authority.certificate).subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: new Date(now - backdateMilliseconds),
    notAfter: new Date(now + lifetimeMilliseconds),
  };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [encoded] = PemConverter.decode(pem);
  if (encoded === undefined) {
    throw new Error('the authority has no private key');
  }
  return webcrypto.subtle.importKey('pkcs8', encoded, algorithm, false, ['sign']);
}
