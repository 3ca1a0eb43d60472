/**
 * Variables that a long-lived process is started with; read by glibc's allocator before any code of ours runs, and by nothing else. By itself it takes the
 * size of buffers that were freed for a reason to keep the next ones in its heap, and does not give that back: a process that has
 * carried a large log kept tens of megabytes for ever. `mallopt(3)`.
 */
export const ALLOCATOR_SETTINGS: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_ARENA_MAX: '2',
};
