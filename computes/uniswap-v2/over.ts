/** Which pairs a ranking is over, and how its project type then ends. */
export interface Over {
  readonly suffix: '' | '_lite'
  /** Without it all of them. */
  readonly dataSources?: readonly string[]
}

export const ALL_PAIRS: Over = { suffix: '' }
