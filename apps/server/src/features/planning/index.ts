export { PlanningModule } from './planning.module.ts';
export {
  PULL_REQUEST_DELIVERY_VERSION,
  type ForgeDelivery,
  type PullRequestDelivery,
} from './pull-request-delivery.ts';
export { PUSH_DELIVERY_VERSION } from './push-delivery.ts';
