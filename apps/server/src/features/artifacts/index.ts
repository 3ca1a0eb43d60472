export { ArtifactsModule } from './artifacts.module.ts';
export { StoreJunitReport } from './store-junit-report.ts';
