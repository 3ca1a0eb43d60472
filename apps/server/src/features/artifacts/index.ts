export { ArtifactsModule } from './artifacts.module.ts';
export { FindUsedArtifacts } from './find-used-artifacts.ts';
export { FindCache } from './find-cache.ts';
export { LeaveArtifact, missingArtifacts } from './leave-artifact.ts';
export { LeaveCache } from './leave-cache.ts';
export { StorageSettings } from './storage-settings.ts';
export { StoreJunitReport } from './store-junit-report.ts';
export { UseArtifact } from './use-artifact.ts';
