import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { faultsInTitles, readFaultTable } from './fault-table.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const table = readFaultTable(root);

describe('the fault table of docs/reliability.md', () => {
  it('has one row for each fault of the catalogue', () => {
    const ids = Array.from({ length: 72 }, (_, index) => `F${String(index + 1).padStart(2, '0')}`);
    expect(table.map(({ id }) => id)).toEqual(ids);
  });

  it('names a test for each fault, or says that there is none yet', () => {
    expect(table.filter(({ files, isOpen }) => (files.length === 0) !== isOpen)).toEqual([]);
  });

  it.each(table.flatMap(({ id, files }) => files.map((file): [string, string] => [id, file])))(
    '%s stands in a title of %s',
    (id, file) => {
      expect([...faultsInTitles(root, file)]).toContain(id);
    },
  );
});
