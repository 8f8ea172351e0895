/** How many times as often as usual a property is tried. The nightly run tries them twenty times as often. */
const FACTOR = Number(process.env.PROPERTY_RUNS ?? 1)

/** How often a property is tried, of how often it usually is. */
export const propertyRuns = (usual: number): number => Math.max(1, Math.round(usual * FACTOR))

/** Whether a property that needs more than its time fails; one that is tried more often may stop there. */
export const MUST_END = FACTOR <= 1
