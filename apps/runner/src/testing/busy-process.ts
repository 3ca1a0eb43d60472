import { RenewalThread } from '../lease/renewal-thread.ts';

/** A process that holds a lease and then does nothing but compute, so no timer and no answer of its own gets a turn. */
const [base = '', token = '', attemptId = '', milliseconds = '0'] = process.argv.slice(2);
const renewals = new RenewalThread({ base, token });
const nothing = (): void => undefined;
renewals.keep({ attemptId, epoch: 1 }, 0.05, { onCancel: nothing, onLost: nothing, onTrouble: nothing });
const end = performance.now() + Number(milliseconds);
while (performance.now() < end);
process.exit(0);
