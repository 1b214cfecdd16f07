import pandas as pd
import glob

# Load all scenario results
scenarios = {}
for file in glob.glob('results/scenario*_stats.csv'):
    name = file.split('/')[-1].split('_stats')[0]
    scenarios[name] = pd.read_csv(file)

# Print summary
for scenario, df in scenarios.items():
    print(f"\n{scenario.upper()}")
    print(f"  Total Requests: {df['# requests'].sum()}")
    print(f"  Total Failures: {df['# failures'].sum()}")
    print(f"  Avg Response: {df['Median response time'].mean():.0f}ms")
    print(f"  Max Response: {df['Max response time'].max():.0f}ms")
