/**
 * Stands for the payment provider: what takes time and what no transaction of a database can take back.
 * A real one is given an id of the order, so that asking it again charges nobody twice.
 */
import { setTimeout as pause } from 'node:timers/promises';

const PAYMENT_TAKES_MS = 10;

export async function charge(buyer: string): Promise<void> {
  console.log(`charges ${buyer}`);
  await pause(PAYMENT_TAKES_MS);
}

export async function refund(buyer: string): Promise<void> {
  console.log(`refunds ${buyer}`);
  await pause(PAYMENT_TAKES_MS);
}
