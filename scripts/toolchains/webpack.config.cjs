module.exports = {
  mode: 'production',
  target: 'node',
  entry: './app.js',
  output: { path: __dirname, filename: 'out/webpack.cjs' },
  externals: { typeorm: 'commonjs typeorm', 'better-sqlite3': 'commonjs better-sqlite3' },
};
