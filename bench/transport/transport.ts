import { http1 } from './http1.ts';
import { http2 } from './http2.ts';

export interface Endpoint {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** The least that both ways to talk to the API server have in common. */
export interface Transport {
  put(path: string, body: string): Promise<string>;
  /** Resolves once the server has answered; `onLine` gets each event as its line of JSON. */
  watch(path: string, onLine: (line: string) => void): Promise<void>;
  connections(): number;
  /** What the server allows on one connection; undefined where a connection carries one request. */
  maxConcurrentStreams(): number | undefined;
  close(): void;
}

export const transports = { http1, http2 } as const;
export type TransportName = keyof typeof transports;

/** Cuts chunks into lines. */
export function lineSplitter(onLine: (line: string) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  };
}
