import { Option } from 'commander';
import type { Command } from 'commander';
import { addClusterOptions } from '../connection.ts';
import type { ClusterFlags } from '../connection.ts';

/** What every command that mends is given. */
export interface RepairFlags extends ClusterFlags {
  readonly yes?: true;
  readonly dryRun?: true;
  readonly output?: 'json';
}

export function addRepairOptions(command: Command): Command {
  return addClusterOptions(
    command
      .addOption(new Option('-y, --yes', 'do not ask'))
      .addOption(new Option('--dry-run', 'show what would be done, and do nothing'))
      .addOption(
        new Option('-o, --output <format>', 'print the result for programs').choices(['json']),
      ),
  );
}
