import type { DeadlockMemberView, DeadlockView } from '../../inspect/views.ts';
import type { ListingStyle } from './listing.ts';
import { paintStdout, terminalWidth } from './paint.ts';
import type { Colour } from './paint.ts';
import { tableLines } from './table.ts';
import type { Column } from './table.ts';
import { durationText } from './text.ts';

interface Row {
  /** Which of the deadlocks, from 1. */
  readonly number: number;
  readonly proof: DeadlockView['proof'];
  readonly member: DeadlockMemberView;
}

const COLOURS: Readonly<Record<DeadlockView['proof'], Colour | undefined>> = {
  certain: 'red',
  likely: 'yellow',
  possible: undefined,
};

/** A table with a line for each of those who wait for each other. */
export function deadlockLines(
  deadlocks: readonly DeadlockView[],
  { namespaces, wide }: ListingStyle,
): Iterable<string> {
  const rows = deadlocks.flatMap(({ proof, members }, index) =>
    members.map((member): Row => ({ number: index + 1, proof, member })),
  );
  const nameOf = ({ namespace, name }: DeadlockMemberView['holds']): string =>
    namespaces ? `${namespace}/${name}` : name;
  const columns: readonly Column<Row>[] = [
    { title: 'DEADLOCK', cell: ({ number }) => String(number) },
    { title: 'PROOF', cell: ({ proof }) => ({ text: proof, colour: COLOURS[proof] }) },
    { title: 'SESSION', cell: ({ member }) => member.session, shrinks: true },
    { title: 'HOLDS', cell: ({ member }) => nameOf(member.holds), shrinks: true },
    { title: 'WAITS FOR', cell: ({ member }) => nameOf(member.waitsFor), shrinks: true },
    {
      title: 'WAITED',
      cell: ({ member }) =>
        member.waitedSeconds === null ? '-' : durationText(member.waitedSeconds),
    },
  ];
  const wideColumns: readonly Column<Row>[] = [
    { title: 'PROCESS', cell: ({ member }) => member.process ?? '-' },
    { title: 'ATTEMPT', cell: ({ member }) => member.attempt },
  ];
  const all = wide ? [...columns, ...wideColumns] : columns;
  return tableLines(all, rows, wide ? undefined : terminalWidth(), paintStdout);
}
