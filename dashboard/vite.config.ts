import { defineConfig } from 'vite'

/** The page asks nothing of other hosts, and runs under a policy that lets no script or style stand in the text of the page. */
export default defineConfig({
  // Wherever the api serves it.
  base: './',
  // Whoever builds it, and be it a test: what is served is what everybody gets.
  oxc: { jsx: { runtime: 'automatic', development: false } },
  define: { 'process.env.NODE_ENV': JSON.stringify('production') },
  build: {
    // What knows `light-dark()`, popovers and containers.
    target: 'es2024',
    cssTarget: ['chrome125', 'firefox126', 'safari17.5'],
    // Nothing small goes into the text as `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
})
