/** Whether a host:port is of this machine alone. */
export const isLoopback = (listen: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/.test(listen)
