export { PlanningModule } from './planning.module.ts';
export { OpenRepository } from '../catalog/index.ts';
export { PUSH_DELIVERY_VERSION, type PushDelivery } from './push-delivery.ts';
