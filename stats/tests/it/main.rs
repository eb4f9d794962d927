//! Properties that hold for all inputs, and simulations of what intervals claim.

mod coverage;
mod pooling;
mod properties;
