export { ALLOCATOR_SETTINGS } from './allocator-settings.ts';
export { collectWhenIdle } from './collect-when-idle.ts';
