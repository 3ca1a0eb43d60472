export { PlanningModule } from './planning.module.ts';
export { PUSH_DELIVERY_VERSION, type PushDelivery } from './push-delivery.ts';
