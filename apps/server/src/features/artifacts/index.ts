export { ArtifactsModule } from './artifacts.module.ts';
export { StoreJunitReport, type TestCounts } from './store-junit-report.ts';
