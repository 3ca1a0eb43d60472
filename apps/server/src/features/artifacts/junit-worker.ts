import { parentPort } from 'node:worker_threads';
import { parseJunit } from './parse-junit.ts';

/** The other side of `JunitReader`: one file in, its cases or its refusal out. */
parentPort?.on('message', (xml: string) => parentPort?.postMessage(parseJunit(xml)));
