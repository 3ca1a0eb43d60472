import type Docker from 'dockerode';
import type { StepsWork } from '../executor.port.ts';

/**
 * What package managers and service images need as root inside a container, and nothing that reaches outside of it: no raw
 * sockets, no devices, no chroot, no audit, no capabilities on files.
 */
const KEPT_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID'];

/** Limits of every container of a job (A85): all capabilities dropped but a few, no new privileges, no swap, no host name spaces. */
export function containerLimits({ cpus, memoryMiB, pids }: StepsWork['resources']): Docker.HostConfig {
  const memory = Math.round(memoryMiB * 1024 * 1024);
  return {
    NanoCpus: Math.round(cpus * 1e9),
    Memory: memory,
    MemorySwap: memory,
    PidsLimit: pids,
    CapDrop: ['ALL'],
    CapAdd: KEPT_CAPABILITIES,
    SecurityOpt: ['no-new-privileges'],
    Privileged: false,
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    // Less than the runner and the engine have when all want the processor, so their leases are renewed.
    CpuShares: 512,
    // Below the runner and the engine when memory is short, so a job dies before its keeper.
    OomScoreAdj: 500,
  };
}
