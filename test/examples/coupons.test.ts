import { expect, test } from 'vitest';
import { isInstalled, played } from './playing.ts';

test.skipIf(!isInstalled('postgresql'))('a flash sale sells what there is', async () => {
  const output = await played('coupons');
  expect(output).toMatch(/^naive\.ts +sold \d+: OVERSOLD by /m);
  expect(output).toMatch(/^locked\.ts +sold 40: as many as there are$/m);
  expect(output).toMatch(/^locked\.ts, shop-1 frozen in mid-sale +sold \d+: OVERSOLD by /m);
  expect(output).toMatch(
    /^main\.ts, shop-1 frozen in mid-sale +sold 40: as many as there are; \d+ late writes? refused/m,
  );
});
