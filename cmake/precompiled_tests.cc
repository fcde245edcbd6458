// Precompiles the header of the unit tests; gtest_main gives the main function.
