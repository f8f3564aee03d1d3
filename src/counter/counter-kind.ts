import { LeaseholdError } from '../core/errors.ts';
import type { StateKind } from '../state/kind.ts';

export type CounterOperation =
  | { readonly do: 'add'; readonly n: number }
  | { readonly do: 'set'; readonly expected: number; readonly value: number };

/** For an `add` the sum, for a `set` whether it was as expected and has been set. */
export type CounterResult = number | boolean;

/** A whole number, from which and to which JavaScript counts exactly. */
export const COUNTER: StateKind<number, CounterOperation, CounterResult> = {
  name: 'counter',
  initial: 0,
  read: ({ fields }) => wholeNumber(fields.get('value')),
  fields: (value) => ({ value: String(value) }),
  apply: (value, operation) => {
    if (operation.do === 'add') {
      const sum = value + operation.n;
      if (Number.isSafeInteger(sum)) return { state: sum, result: sum };
      throw new LeaseholdError(
        'INVALID_ARGUMENT',
        `${String(value)} and ${String(operation.n)} are more than can be counted exactly: a counter holds a whole number up to 2^53 - 1 in size; nothing was added`,
      );
    }
    const isExpected = value === operation.expected;
    return { state: isExpected ? operation.value : value, result: isExpected };
  },
  note: String,
  recall: wholeNumber,
};

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  // There is one zero.
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}
