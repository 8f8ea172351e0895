/** A migrated database; cloning it takes 50 ms. */
export const TEMPLATE = 'template_webhooks'

/** The role the service runs its tests as: it may do what `db:migrate -- --grant` allows and no more. */
export const SERVICE_ROLE = 'roleferry_service'
