/**
 * Variables that a long-lived process is started with; read by glibc's allocator before any code of ours runs, and by nothing else. By itself it takes the
 * size of buffers that were freed for a reason to keep the next ones in its heap, and does not give that back: a process that has
 * carried a large log kept tens of megabytes for ever. `mallopt(3)`. Less than 1 MiB makes each buffer of a log a call to the kernel: a search took half as long again.
 */
export const ALLOCATOR_SETTINGS: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  MALLOC_ARENA_MAX: '2',
};
