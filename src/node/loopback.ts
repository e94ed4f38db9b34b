/** Whether a host is this machine alone. */
export const isLoopbackHost = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(host)

/** Whether a host:port is of this machine alone. */
export const isLoopback = (listen: string): boolean => /:\d+$/.test(listen) && isLoopbackHost(listen.slice(0, listen.lastIndexOf(':')))

/** Tells by which names what listens on the loopback may be called: those of this machine, and those that its operator gives. */
export const ownNames =
  (hosts: readonly string[]) =>
  (host: string): boolean =>
    isLoopbackHost(host) || hosts.includes(host)
