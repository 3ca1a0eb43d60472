/**
 * Variables that a long-lived process is started with; glibc's allocator reads them before any code of ours runs (`mallopt(3)`), other
 * systems read none of them. Left alone it raises its threshold to the size of the buffers that it sees freed, serves the next ones from its
 * heap, and seldom gives that back: a process that had carried a large log kept some 50 MiB more. Bytes; below 1 MiB each buffer
 * of a log is a call to the kernel, and a search takes half as long again.
 */
export const ALLOCATOR_SETTINGS: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  MALLOC_ARENA_MAX: '2',
};
