/** The roles that run as a process of their own. */
export const ROLES = ['epochs', 'snapshotter', 'collector', 'relay', 'sequencer', 'validator', 'api'] as const
export type Role = (typeof ROLES)[number]

/** Where a role says how it fares unless it is told otherwise: ten ports each, for roles of one kind on one machine. */
export const healthPortOf = (role: Role): number => 9_410 + 10 * ROLES.indexOf(role)
