/** What is around the cache: the expensive work, and who asks for it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

const TAKES_MS = 500;

export function connectToRedis(): Redis {
  return new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379');
}

/** Stands for a query that keeps the database busy. */
export async function makeReport(signal?: AbortSignal): Promise<string> {
  console.log('makes the report');
  await pause(TAKES_MS, undefined, signal && { signal });
  console.log('has made the report');
  return `the report that ${process.env.NAME ?? hostname()} has made`;
}

export function serve(answer: () => Promise<string>): void {
  const server = createServer((request, response) => {
    answer().then(
      (text) => response.end(`${text}\n`),
      (error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      },
    );
  });
  server.listen(Number(process.env.PORT ?? 8080), () => {
    console.log(`serves at port ${String((server.address() as AddressInfo).port)}`);
  });
}
