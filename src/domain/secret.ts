/** A value that never prints: `String`, `JSON.stringify` and the inspector show `[secret]`. */
export class Secret<Value> {
  readonly #value: Value
  constructor(value: Value) {
    this.#value = value
  }
  /** The value itself. Name the use at the call site; never log the result. */
  reveal(): Value {
    return this.#value
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
