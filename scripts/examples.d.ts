// What the short examples of README, docs and TSDoc take for given.
import type { Held, Leadership, Leasehold } from '../src/index.ts';

declare global {
  const leasehold: Leasehold;
  function sendInvoices(held?: { signal: AbortSignal; fence: bigint }): Promise<void>;
  function reconcileUntil(signal: AbortSignal): Promise<void>;
  function writeReport(held: Held): Promise<void>;
  function readReport(held: Held): Promise<void>;
  function trainModel(held: Held): Promise<void>;
  function writeReportOf(what: { day: Date; signal: AbortSignal; fence?: bigint }): Promise<void>;
  function removeOldFiles(signal: AbortSignal): Promise<number>;
  function processOrders(shard: number, signal: AbortSignal): Promise<void>;
  function compute(step: number): Promise<void>;
  function lead(leadership: Leadership): Promise<void>;
  const database: { query(sql: string, values: unknown[]): Promise<{ rowCount: number }> };
}
