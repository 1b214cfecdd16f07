import pandas as pd
df = pd.read_csv('results/scenario1_deployments_stats.csv')
print(df[['Name', 'Request Count', 'Failure Count', 'Median Response Time', 'Max Response Time']])
