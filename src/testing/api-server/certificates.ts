import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The server's certificate and its key, and the authority that vouches for it; all PEM. */
export interface ServingCertificate {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const LIFETIME_MS = 365 * 24 * 3_600 * 1_000;
/** A client whose clock is a little behind must not find the certificate "not yet valid". */
const BACKDATE_MS = 3_600 * 1_000;

/**
 * A fresh authority, and a certificate of it for localhost. P-256, as a key takes a millisecond. The
 * few ASN.1 structures are written here: see ADR 5 for why no library does it.
 *
 * @param wall - now: milliseconds since the epoch
 */
export function createServingCertificate(wall: number): ServingCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = name('leasehold-api-server-ca');
  const ca = certificate({
    subject: issuer,
    issuer,
    publicKey: authority.publicKey,
    signingKey: authority.privateKey,
    wall,
    extensions: [
      extension(BASIC_CONSTRAINTS, sequence(BOOLEAN_TRUE), true),
      // keyCertSign and digitalSignature
      extension(KEY_USAGE, der(0x03, Buffer.from([2, 0x84])), true),
    ],
  });
  const serving = certificate({
    subject: name('kube-apiserver'),
    issuer,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    wall,
    extensions: [
      extension(KEY_USAGE, der(0x03, Buffer.from([7, 0x80])), true),
      extension(EXTENDED_KEY_USAGE, sequence(SERVER_AUTHENTICATION)),
      extension(ALTERNATIVE_NAMES, ALTERNATIVES),
    ],
  });
  const key = server.privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { ca: pem(ca), certificate: pem(serving), key: String(key) };
}

interface Contents {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly wall: number;
  readonly extensions: readonly Buffer[];
}

/** RFC 5280, version 3, signed with ECDSA and SHA-256. */
function certificate(contents: Contents): Buffer {
  const { subject, issuer, publicKey, signingKey, wall, extensions } = contents;
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serialNumber()),
    algorithm,
    issuer,
    sequence(time(wall - BACKDATE_MS), time(wall + LIFETIME_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, signingKey);
  return sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature));
}

/** One ASN.1 value: tag, length, contents. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 255);
  const head = length < 128 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from(head), contents]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** An object identifier, from its encoded form. */
function identifier(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

const ECDSA_WITH_SHA256 = identifier('2a8648ce3d040302');
const COMMON_NAME = identifier('550403');
const BASIC_CONSTRAINTS = identifier('551d13');
const KEY_USAGE = identifier('551d0f');
const EXTENDED_KEY_USAGE = identifier('551d25');
const ALTERNATIVE_NAMES = identifier('551d11');
const SERVER_AUTHENTICATION = identifier('2b06010505070301');
const BOOLEAN_TRUE = der(0x01, Buffer.from([0xff]));

const ALTERNATIVES = sequence(
  der(0x82, Buffer.from('localhost')),
  der(0x87, Buffer.from([127, 0, 0, 1])),
  der(0x87, Buffer.from([...new Array<number>(15).fill(0), 1])),
);

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
}

function extension(id: Buffer, value: Buffer, critical = false): Buffer {
  return sequence(id, ...(critical ? [BOOLEAN_TRUE] : []), der(0x04, value));
}

/** Positive, and without leading zeros. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes;
}

/** UTCTime holds the years up to 2049, GeneralizedTime those after. */
function time(wall: number): Buffer {
  const text = new Date(wall).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(text.slice(0, 4)) < 2_050
    ? der(0x17, Buffer.from(text.slice(2)))
    : der(0x18, Buffer.from(text));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
