/** The version of the formats of `-o json`, which `docs/cli.md` describes. */
const API_VERSION = 'cli.leasehold.dev/v1';

/** A document of `-o json`, for people and programs. */
export function jsonDocument<T extends { readonly kind: string }>(document: T): string {
  return `${JSON.stringify({ apiVersion: API_VERSION, ...document }, undefined, 2)}\n`;
}

/** The same in one line, for streams. */
export function jsonLine<T extends { readonly kind: string }>(document: T): string {
  return `${JSON.stringify({ apiVersion: API_VERSION, ...document })}\n`;
}
