/** True only for the same type: `any` equals nothing but `any`. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** Compiles only as `same<A, B>(true)` where A and B are the same type. */
export declare function same<A, B> (yes: Equal<A, B>): void
