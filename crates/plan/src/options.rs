//! Everything a test can be told: the script's `options`, the configuration file, `K6_*` variables, flags.
