/** NOT TO BE COPIED: no lock. Between the look and the write others look, too, and sell the same coupon. */
import { charge } from './payment.ts';
import { closeShop, openShop, serveBuyers } from './shop.ts';
import { couponsLeft, write } from './unfenced.ts';

async function sell(buyer: string): Promise<boolean> {
  const left = await couponsLeft(shop);
  if (left === 0) return false;
  await charge(buyer);
  await write(shop, left - 1, buyer);
  return true;
}

const shop = await openShop();
await serveBuyers(shop, sell);
await closeShop(shop);
