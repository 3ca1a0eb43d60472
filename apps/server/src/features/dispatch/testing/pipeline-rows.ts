export * from '../../../testing/pipeline-rows.ts';
